"""Check that a wheel contains only seqtag: `python tests/architecture/check_wheel.py dist/*.whl`."""

import sys
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
TEMPLATES = [str(p.relative_to(CHECKOUT)) for p in CHECKOUT.glob("seqtag/*/templates/*")]

LIBRARY = "seqtag/neural/native/libseqtag_native.so"


def faults(wheel: str) -> list[str]:
    """Return the faults of a wheel's contents, one sentence each."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    unexpected = [n for n in names if not n.startswith(("seqtag/", "seqtag-"))]
    missing = [n for n in ("seqtag/py.typed", LIBRARY, *TEMPLATES) if n not in names]
    licence = any(n.endswith("licenses/LICENSE") for n in names)
    return (
        [f"{n} does not belong in site-packages" for n in unexpected]
        + [f"{n} is missing" for n in missing]
        + ([] if licence else ["the licence is missing"])
    )


if __name__ == "__main__":
    found = [fault for wheel in sys.argv[1:] for fault in faults(wheel)]
    sys.stdout.write("\n".join(found) + "\n" if found else "The wheel contains only seqtag/.\n")
    sys.exit(bool(found) or len(sys.argv) < 2)

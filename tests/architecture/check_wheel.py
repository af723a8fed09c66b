"""Check that a wheel holds seqtag alone: `python tests/architecture/check_wheel.py dist/*.whl`."""

import sys
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
TEMPLATES = [str(p.relative_to(CHECKOUT)) for p in CHECKOUT.glob("seqtag/*/templates/*")]


def faults(wheel: str) -> list[str]:
    """Return what is wrong with the wheel's content, one sentence each."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    strangers = [n for n in names if not n.startswith(("seqtag/", "seqtag-"))]
    missing = [n for n in ("seqtag/py.typed", *TEMPLATES) if n not in names]
    licence = any(n.endswith("licenses/LICENSE") for n in names)
    return (
        [f"{n} does not belong into site-packages" for n in strangers]
        + [f"{n} is missing" for n in missing]
        + ([] if licence else ["the licence is missing"])
    )


if __name__ == "__main__":
    found = [fault for wheel in sys.argv[1:] for fault in faults(wheel)]
    sys.stdout.write("\n".join(found) + "\n" if found else "The wheel holds seqtag/ alone.\n")
    sys.exit(bool(found) or len(sys.argv) < 2)

"""Stand-alone pictures for the dashboard."""

from __future__ import annotations

import base64

from seqtag.evaluation import TrainingHistory
from seqtag.evaluation.scores import ConfusionMatrix
from seqtag.reporting import confusion_picture, learning_curves


def test_a_confusion_has_a_title_with_its_support_and_escapes_names():
    tags, counts = ["PRP$", "<b>", "a\x1b[2J"], [[5000, 1, 0], [0, 2, 0], [0, 0, 4]]
    picture = confusion_picture(ConfusionMatrix(tags, counts))
    svg = base64.b64decode(picture.uri.partition(",")[2]).decode()

    assert picture.uri.startswith("data:image/svg+xml;base64,")
    assert "Confusion on test, 5,007 tokens" in svg
    assert "PRP$" in svg
    assert "&lt;b&gt;" in svg
    assert "\x1b" not in svg


def test_score_and_loss_have_curves_unless_there_are_no_epochs(history):
    assert len(learning_curves(history, "accuracy")) == 2
    assert learning_curves(TrainingHistory([]), "accuracy") == []

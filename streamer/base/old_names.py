"""Names that have changed, until 1.0: whoever says the old one is understood (`streamer guide families`)."""

from __future__ import annotations

PLANS = {"alert-us": "eas"}
LABELS = {"fax-calling": "fax-cng", "fax-answer": "fax-ced"}

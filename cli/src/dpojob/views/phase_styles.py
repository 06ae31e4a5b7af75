"""The styles of phases, in tables and in the view of one job."""

PHASE_STYLES = {"Complete": "green", "Failed": "red", "Suspended": "yellow"}
"""Phase to rich's style; other phases have that of the text around them."""

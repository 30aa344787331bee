"""An executor's module that cannot be imported."""

raise ValueError("planted")

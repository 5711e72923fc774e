"""The second label of every node: which module owns it, as `<domain>_<module>`."""

# The generator keeps an entry for each module here, sorted; entries of your own may stand among them.
MODULE_LABELS: list[str] = [
    "tech_cc",
]
# End of the module labels.

"""The life cycle of projects that are spawned from gold slice: modules are added, updated, removed and examined."""

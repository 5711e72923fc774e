"""How spans and histograms are made and exported; users call `src.common.tracing`."""

"""Where spans and histograms come from and go to; users call `src.common.tracing`."""

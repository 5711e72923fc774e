"""The service: its application is `src.cos_main:app`."""

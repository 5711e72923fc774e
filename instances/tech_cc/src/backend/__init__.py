"""The vertical slices, one package a module; slices never import each other."""

"""What assistants can use of the slice: a Python file and a YAML file for each tool and each resource."""

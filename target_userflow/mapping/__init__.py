"""From columns to attributes: values, operations, names and roles. Pure."""

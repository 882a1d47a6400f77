"""The display on a terminal while a run goes on."""

"""What was read of the objects that Userflow has, and whether values are kept alike."""

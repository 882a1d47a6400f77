"""What exists in Userflow and what is defined there, looked up before records are sent."""

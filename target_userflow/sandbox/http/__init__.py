"""The sandbox's HTTP side: the server, messages, the request log and how answers are sent."""

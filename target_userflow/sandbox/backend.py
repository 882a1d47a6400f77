"""What the sandbox keeps: the APIs, the settings, the request log and the scripted responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.apis.user_interviews.api import UserInterviews
from target_userflow.sandbox.apis.userflow.api import Userflow
from target_userflow.sandbox.apis.userpilot.api import Userpilot
from target_userflow.sandbox.faults import RandomFaults
from target_userflow.sandbox.faults.rate_limits import FixedWindow, SlidingWindow
from target_userflow.sandbox.faults.scripted_responses import ScriptedResponses
from target_userflow.sandbox.http.request_log import RequestLog

if TYPE_CHECKING:
    from target_userflow.sandbox.apis.base import Api
    from target_userflow.sandbox.settings import Settings


class Backend:
    """The three APIs, and everything that decides how they answer.

    Attributes:
        user_interviews: The User Interviews API.
        userpilot: The Userpilot API.
        userflow: The Userflow API.
        request_log: The requests since the start or the last reset.
        scripted_responses: The responses planned for the next requests.
        random_faults: Draws the fault of each request.
        settings: The settings in force.
    """

    def __init__(self, settings: Settings) -> None:
        """Start with empty APIs and the settings to which ``reset`` returns."""
        self.user_interviews = UserInterviews()
        self.userpilot = Userpilot()
        self.userflow = Userflow()
        self.request_log = RequestLog()
        self.scripted_responses = ScriptedResponses()
        self._windows: dict[str, SlidingWindow | FixedWindow] = {
            "sliding": SlidingWindow(),
            "fixed": FixedWindow(),
        }
        self._initial = settings
        self.configure(settings)

    @property
    def window(self) -> SlidingWindow | FixedWindow:
        """The rate limit window that the settings choose."""
        return self._windows[self.settings.rate_limit_window]

    def configure(self, settings: Settings) -> None:
        """Replace the settings, and start the sequence of faults again."""
        self.settings = settings
        for api in self._apis:
            api.configure(settings)
        self.random_faults = RandomFaults(settings.faults, settings.seed)

    def api_for(self, path: str) -> Api[Any]:
        """Return the API to which a path belongs."""
        return next(api for api in self._apis if path.startswith(api.prefix))

    def state(self) -> dict[str, Any]:
        """Return what the APIs keep."""
        return {key: value for api in self._apis for key, value in api.store.state().items()}

    def reset(self) -> None:
        """Empty the APIs, the request log and the scripted responses; restore the settings."""
        for api in self._apis:
            api.reset()
        for window in self._windows.values():
            window.reset()
        self.request_log.reset()
        self.scripted_responses.reset()
        self.configure(self._initial)

    @property
    def _apis(self) -> tuple[Api[Any], ...]:
        """The APIs, those with the longer prefixes first."""
        return (self.user_interviews, self.userpilot, self.userflow)

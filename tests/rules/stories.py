"""For every rule of every shipped profile a lawful story and a story that breaks it, with the exact findings expected."""

from __future__ import annotations

from tests.rules.stories_access import ACCESS, CAMERAS
from tests.rules.stories_footage import FOOTAGE, TIME
from tests.rules.stories_site import LOG, SITE

STORIES = [*FOOTAGE, *TIME, *ACCESS, *CAMERAS, *SITE, *LOG]

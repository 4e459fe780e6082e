"""What the guestbook remembers."""

from __future__ import annotations

from django.db import models  # type: ignore[import-untyped]


class Entry(models.Model):  # type: ignore[misc]
    """What one guest wrote."""

    name = models.CharField(max_length=40)
    words = models.TextField()
    written = models.DateTimeField(auto_now_add=True)

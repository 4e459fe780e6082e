"""The pages of the guestbook."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator

from django.forms import ModelForm  # type: ignore[import-untyped]
from django.http import (  # type: ignore[import-untyped]
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import (  # type: ignore[import-untyped]
    get_object_or_404,
    redirect,
    render,
)

from .models import Entry


class EntryForm(ModelForm):  # type: ignore[misc]
    """The form that guests fill in."""

    class Meta:
        """Its fields are those of an entry."""

        model = Entry
        fields = ("name", "words")


def index(request: HttpRequest) -> HttpResponse:
    """Greets the guest, shows the newest entries and the form for another."""
    known = request.session.get("name")
    entries = Entry.objects.order_by("-pk")[:20]
    return render(request, "index.html", {"known": known, "entries": entries})


def sign(request: HttpRequest) -> HttpResponse:
    """Adds an entry, remembers the guest, and goes to the entry."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = EntryForm(request.POST)
    if not form.is_valid():
        return JsonResponse(form.errors, status=422)
    written = form.save()
    request.session["name"] = written.name
    return redirect("entry", number=written.pk)


def entry(request: HttpRequest, number: int) -> HttpResponse:
    """Shows one entry."""
    written = get_object_or_404(Entry, pk=number)
    return HttpResponse(f"{written.name}: {written.words}", content_type="text/plain")


def upload(request: HttpRequest) -> HttpResponse:
    """Says what was uploaded, and where Django kept it meanwhile."""
    file = request.FILES["file"]
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    known = {"name": file.name, "size": file.size, "digest": digest.hexdigest()}
    return JsonResponse({**known, "kept": type(file).__name__})


def export(request: HttpRequest) -> StreamingHttpResponse:
    """Streams lines."""
    lines = (f"line {number}\n" for number in range(1000))
    return StreamingHttpResponse(lines, content_type="text/plain")


def ticks(request: HttpRequest) -> StreamingHttpResponse:
    """Streams for as long as there is somebody to read, a little at a time."""

    def tick() -> Iterator[str]:
        try:
            while True:
                yield "tick " * 100
                time.sleep(0.05)
        finally:
            print("the ticking ended", file=sys.stderr, flush=True)

    return StreamingHttpResponse(tick(), content_type="text/plain")


def where(request: HttpRequest, words: str) -> JsonResponse:
    """Shows what Django makes of an address."""
    return JsonResponse(
        {
            "words": words,
            "query": request.GET.getlist("q"),
            "path": request.path,
            "uri": request.build_absolute_uri(),
        }
    )


def fails(request: HttpRequest) -> HttpResponse:
    """Fails."""
    raise RuntimeError("the guestbook failed")

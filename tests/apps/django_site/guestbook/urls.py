"""The pages of the guestbook by their addresses."""

from __future__ import annotations

from django.urls import path  # type: ignore[import-untyped]
from django.views.generic import RedirectView  # type: ignore[import-untyped]

from . import views

urlpatterns = [
    path("", views.index, name="index"),
    path("sign/", views.sign, name="sign"),
    path("entry/<int:number>/", views.entry, name="entry"),
    path("upload/", views.upload, name="upload"),
    path("export/", views.export, name="export"),
    path("ticks/", views.ticks, name="ticks"),
    path("where/<str:words>/", views.where, name="where"),
    path("fails/", views.fails, name="fails"),
    path("book/", RedirectView.as_view(pattern_name="index", permanent=True)),
]

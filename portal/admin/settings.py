"""The settings as they are in use, and where they come from.  They are changed in their file alone."""

from flask import render_template

from mailcore.services.operations import settings_list
from portal import current
from portal.access import admin_only
from portal.admin import words as spoken
from portal.admin.views import blueprint


@blueprint.get("/settings")
@admin_only
def settings() -> str:
    config = current.core().config
    lines = settings_list.list_settings(config)
    sections: dict[str, list[settings_list.SettingLine]] = {}
    for line in lines:
        sections.setdefault(line.name.rpartition(".")[0], []).append(line)
    return render_template(
        "admin/settings.html", sections=sections, file=config.origin.file, source_words=spoken.SOURCES
    )

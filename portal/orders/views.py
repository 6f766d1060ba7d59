"""A plain form; staff decide, and nothing is created before."""

import secrets

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response as BaseResponse

from mailcore.errors import MailError
from mailcore.services import orders
from portal import i18n, web
from portal.errors import answer
from portal.orders.forms import OrderForm

blueprint = Blueprint("orders", __name__)


@blueprint.route("/order", methods=["GET", "POST"])
def order() -> str | BaseResponse | tuple[str, int]:
    form, problem, code = OrderForm(), "", 200
    if form.validate_on_submit():
        try:
            orders.submit(
                web.core(), name=form.name.data.strip(), display_name=form.display_name.data.strip(),
                contact=form.contact.data.strip(), affiliation=form.affiliation.data, language=i18n.language(),
                terms=form.terms.data, key=form.key.data or secrets.token_urlsafe(16),
            )  # fmt: skip
        except MailError as trouble:
            code, problem = answer(trouble)
        else:
            return redirect(url_for("orders.thanks"))
    return render_template("orders/order.html", form=form, problem=problem), 400 if form.errors else code


@blueprint.get("/order/thanks")
def thanks() -> str:
    return render_template("orders/thanks.html")

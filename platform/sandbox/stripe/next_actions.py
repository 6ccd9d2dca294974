"""What a buyer has to do next: authenticate a card, open Alipay, scan a WeChat Pay code."""

from base64 import b64encode
from io import BytesIO
from urllib.parse import urlencode

import segno

from sandbox.stripe.payment_methods import ALIPAY, WECHAT_PAY
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work


def approve_url(work: Work, intent: Json) -> str:
    """Give the address of the intent's page, where the buyer decides."""
    query = urlencode({"client_secret": intent["client_secret"]})
    return f"{work.config.public_url}/approve/{intent['id']}?{query}"


def next_action(work: Work, intent: Json, *, method: Json, return_url: str | None) -> Json:
    """Describe the step in the shape of the payment method's type."""
    url = approve_url(work, intent)
    if method["type"] not in (ALIPAY, WECHAT_PAY):
        return _elsewhere(url, return_url=return_url)
    if method["type"] == ALIPAY:
        redirect = {"native_data": None, "native_url": None, "return_url": return_url, "url": url}
        return {"type": "alipay_handle_redirect", "alipay_handle_redirect": redirect}
    return {"type": "wechat_pay_display_qr_code", "wechat_pay_display_qr_code": _qr_code(url)}


def qr_data_url(text: str) -> str:
    """Draw the text as a QR code: a PNG in a data URL."""
    picture = BytesIO()
    segno.make(text, error="m", micro=False).save(picture, kind="png", scale=6, border=4)
    return "data:image/png;base64," + b64encode(picture.getvalue()).decode()


def _elsewhere(url: str, *, return_url: str | None) -> Json:
    if return_url is None:
        # Without a place to return to, Stripe leaves the challenge to its own script.
        script = {"type": "three_d_secure_redirect", "stripe_js": url}
        return {"type": "use_stripe_sdk", "use_stripe_sdk": script}
    return {
        "type": "redirect_to_url",
        "redirect_to_url": {"return_url": return_url, "url": url},
    }


def _qr_code(url: str) -> Json:
    page, _, query = url.partition("?")
    return {
        "data": url,
        "hosted_instructions_url": url,
        "image_data_url": qr_data_url(url),
        "image_url_png": f"{page}/qr.png?{query}",
        "image_url_svg": f"{page}/qr.svg?{query}",
    }

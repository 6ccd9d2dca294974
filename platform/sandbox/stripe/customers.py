"""Customers, and the payment methods that are kept for them.

https://docs.stripe.com/api/customers, https://docs.stripe.com/api/payment_methods
"""

from typing import Any

from sandbox.stripe.errors import BadParameter, NoSuchObject, RefusedByState
from sandbox.stripe.events import emit
from sandbox.stripe.ids import new_id
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work

Params = dict[str, Any]


def create(work: Work, params: Params) -> Json:
    """Make a customer."""
    customer = {
        "id": new_id("cus_", length=14),
        "object": "customer",
        "created": work.created,
        "description": params.get("description"),
        "email": params.get("email"),
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "name": params.get("name"),
    }
    work.store.insert(customer)
    emit(work, "customer.created", customer)
    return customer


def require_customer(work: Work, customer_id: str) -> Json:
    """Give the customer, or raise NoSuchObject."""
    return work.store.get(kind="customer", object_id=customer_id, param="customer")


def attach(work: Work, params: Params, *, method_id: str) -> Json:
    """Keep a payment method for a customer."""
    method = _method(work, method_id)
    require_customer(work, params["customer"])
    if method["customer"] not in (None, params["customer"]):
        raise RefusedByState(
            "The payment method you provided has already been attached to a customer."
        )
    return kept(work, method, customer_id=params["customer"])


def kept(work: Work, method: Json, *, customer_id: str) -> Json:
    """Write that the method is the customer's."""
    if method["customer"] == customer_id:
        return method
    method["customer"] = customer_id
    work.store.save(method)
    emit(work, "payment_method.attached", method)
    return method


def detach(work: Work, *, method_id: str) -> Json:
    """Take the method away from its customer: it can never be used again."""
    method = _method(work, method_id)
    if method["customer"] is None:
        raise BadParameter(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible."
        )
    previous = {"customer": method["customer"]}
    method |= {"customer": None, "_detached": True}
    work.store.save(method)
    emit(work, "payment_method.detached", method, previous=previous)
    return method


def require_usable(method: Json, *, customer_id: str | None) -> None:
    """Raise BadParameter for a method that was taken away, or that another customer has."""
    if method.get("_detached"):
        raise BadParameter(
            "This PaymentMethod was previously used without being attached to a Customer or was "
            "detached from a Customer, and may not be used again.",
            param="payment_method",
        )
    if method["customer"] is not None and method["customer"] != customer_id:
        raise BadParameter(
            f"The customer does not have a payment method with the ID {method['id']}. The payment "
            "method must be attached to the customer.",
            code="resource_missing",
            param="payment_method",
        )


def _method(work: Work, method_id: str) -> Json:
    method = work.store.find(kind="payment_method", object_id=method_id)
    if method is None:
        raise NoSuchObject(kind="PaymentMethod", object_id=method_id, param="payment_method")
    return method

"""The operations on customers and on the payment methods that are kept for them."""

from sandbox.stripe import customers
from sandbox.stripe.operation import Operation, retrieved
from sandbox.stripe.parameters import Metadata, Text

CUSTOMERS = (
    Operation(
        method="POST",
        path="/v1/customers",
        fields={
            "description": Text(),
            "email": Text(),
            "metadata": Metadata(),
            "name": Text(),
        },
        perform=lambda work, params, _: customers.create(work, params),
    ),
    retrieved("/v1/customers", "customer"),
    Operation(
        method="POST",
        path="/v1/payment_methods/{id}/attach",
        fields={"customer": Text()},
        required=("customer",),
        perform=lambda work, params, name: customers.attach(work, params, method_id=name),
    ),
    Operation(
        method="POST",
        path="/v1/payment_methods/{id}/detach",
        perform=lambda work, params, name: customers.detach(work, method_id=name),
    ),
)

"""No shop sees or touches what is another's, whatever it asks for: generated from the schema."""

import pytest
from isolation.api import Api
from isolation.documents import object_types, root_fields
from isolation.matrix import foreign_cases, own_cases, run
from isolation.neighbours import Neighbourhood

pytestmark = pytest.mark.engines


async def test_right_requests_reach_every_field_and_every_type(
    town: Neighbourhood, api: Api
) -> None:
    report = await run(town, api, own_cases(town))
    assert report.covered == {root.coordinate for root in root_fields()}
    assert report.types == object_types()
    assert report.crashes == []
    assert report.leaks == []


async def test_foreign_values_reach_nothing_of_another_shop(town: Neighbourhood, api: Api) -> None:
    report = await run(town, api, foreign_cases(town))
    assert report.covered == {root.coordinate for root in root_fields()}
    assert report.crashes == []
    assert report.leaks == []
    print(report.cases)

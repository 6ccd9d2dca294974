"""The demo's data: whole, sellable in every shop, and the same however often it is loaded."""

import asyncio
import json
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import pytest

from entrypoints.demo import (
    AnotherPlatform,
    DemoSummary,
    NotForProduction,
    load_demo,
    main,
    stock,
    write_demo,
)
from entrypoints.demo.catalogue import sku_id
from entrypoints.demo.key_files import key_file
from entrypoints.demo.people import PASSWORD
from entrypoints.demo.records import CURRENCY, demo_records
from entrypoints.demo.shops import shop_id
from entrypoints.up.progress import Progress
from entrypoints.verify import verify
from identity.sign_in import sign_in
from identity.tokens import authenticate, revoke_token
from kernel import db
from kernel.money import Money
from kernel.settings import Settings, settings
from offers.quotes import Wish, quote
from offers.shelf import ShelfSku, skus_by_id
from supply.importing import BatchReport, import_keys
from supply.vault import open_key
from tenants import directory
from tenants.directory import Shop, shop_by_host

HOSTS = [shop.host for shop in demo_records().shops]
SKU_IDS = [sku_id(sku.code) for product in demo_records().products for sku in product.skus]

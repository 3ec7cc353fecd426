"""gunicorn's entry for `tools.bench.front`: the application, on boxes that answer at once."""

from bitrun.api.app import create_app
from tests.support.fake_service import start_service
from tools.bench.instant_boxes import InstantBoxes

service = start_service(InstantBoxes())
app = create_app(service)

import sqlite3
import zoneinfo

database = sqlite3.connect(":memory:")
assert database.execute("SELECT json_extract('{\"a\": 6}', '$.a') * 7").fetchone() == (42,)
assert zoneinfo.ZoneInfo("Europe/Berlin").key
print(42)

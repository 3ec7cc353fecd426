import json
import os
import re
import sys

print json.dumps({"warm": re.sub("a", "b", str(len(sys.argv)))}), os.getcwd()

import io
import warnings

import bs4
import jinja2
import lxml.etree
import matplotlib.pyplot as plt
import networkx
import openpyxl
import PIL.Image
import yaml
from sklearn.linear_model import LinearRegression

warnings.simplefilter("error")  # a missing glyph is a warning
plt.title("日本 中文 한국 😀")
picture = io.BytesIO()
plt.savefig(picture)
assert PIL.Image.open(picture).format == "PNG"
plt.show()
with PIL.Image.open("figure-1.png") as shown:
    assert shown.size == (640, 480)
assert plt.get_fignums() == []
assert bs4.BeautifulSoup("<p>1</p>", "lxml").p.text == lxml.etree.fromstring("<p>1</p>").text
assert openpyxl.Workbook().active.title == "Sheet"
assert networkx.shortest_path_length(networkx.path_graph(4), 0, 3) == 3
assert jinja2.Template("{{ a }}").render(yaml.safe_load("a: 1")) == "1"
print(round(float(LinearRegression().fit([[1], [2]], [2, 4]).predict([[21]])[0])))

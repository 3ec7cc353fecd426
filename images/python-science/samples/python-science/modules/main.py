import matplotlib as mpl
import numpy as np
import pandas as pd
import requests
import sympy

from helper import greeting

mpl.use("agg")
import matplotlib.pyplot as plt

plt.plot(np.arange(3))
plt.savefig("plot.png")
assert pd.DataFrame({"a": [1, 2]})["a"].sum() == 3
assert sympy.integrate(sympy.Symbol("x")) == sympy.Symbol("x") ** 2 / 2
assert requests.__version__
print(greeting())

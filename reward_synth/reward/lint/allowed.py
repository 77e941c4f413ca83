"""What generated code may name: numpy functions one by one, methods, and what to say about the rest.

Never a whole module: `np.f2py.os` is an attribute chain without a single underscore.
"""

from __future__ import annotations

import math

import numpy as np


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


NUMPY = words(
    """
    abs absolute add all allclose amax amin any append arange arccos arccosh arcsin arcsinh arctan
    arctan2 arctanh argmax argmin argsort argwhere around array array_equal asarray atleast_1d
    atleast_2d average ceil clip column_stack concatenate copy copysign corrcoef cos cosh
    count_nonzero cov cross cumprod cumsum deg2rad degrees diag diagonal diff digitize divide dot e
    einsum equal exp exp2 expand_dims expm1 eye fabs flip floor floor_divide fmax fmin
    fmod full full_like geomspace gradient greater greater_equal heaviside hstack hypot identity inf
    inner interp isclose isfinite isinf isnan isscalar kron less less_equal linspace log log10 log1p
    log2 logaddexp logical_and logical_not logical_or logical_xor logspace matmul max maximum mean
    median min minimum mod moveaxis multiply nan nan_to_num nanmax nanmean nanmin nansum ndim
    negative newaxis nonzero norm not_equal ones ones_like outer percentile pi polyval positive
    power prod ptp quantile rad2deg radians ravel reciprocal remainder repeat reshape roll rot90
    round searchsorted select shape sign signbit sin sinc sinh size sort sqrt square squeeze stack
    std subtract sum swapaxes tan tanh tensordot trace transpose trapezoid tril triu true_divide
    trunc unique unwrap vander var vdot vstack where zeros zeros_like bool_ float32 float64 floating
    int32 int64 integer ndarray errstate linalg
    """
) & frozenset(dir(np)) | {"errstate"}  # fmt: skip

LINALG = words(
    """
    norm det inv pinv solve lstsq eig eigh eigvals eigvalsh svd qr cholesky matrix_rank trace cross
    outer matrix_power multi_dot
    """
) & frozenset(dir(np.linalg))

MATH = frozenset(name for name in dir(math) if not name.startswith("_")) - {"factorial", "comb", "perm"}

METHODS = words(
    """
    all any argmax argmin argsort astype clip copy cumprod cumsum diagonal dot flatten item max mean
    min nonzero prod ravel repeat reshape round searchsorted squeeze std sum swapaxes tolist trace
    transpose var T ndim shape size real conjugate is_integer append extend insert pop get items
    keys values setdefault update clear count index remove add startswith endswith lower upper strip
    split
    """
)
SCALAR_METHODS = frozenset({"real", "imag", "conjugate", "is_integer"})
"""What a float has."""

OUT_POSITION: dict[str, int] = {
    name: getattr(np, name).nin for name in NUMPY if isinstance(getattr(np, name), np.ufunc)
} | {
    "all": 2, "amax": 2, "amin": 2, "any": 2, "argmax": 2, "argmin": 2, "around": 2, "clip": 3, "concatenate": 2,
    "cumprod": 3, "cumsum": 3, "dot": 2, "max": 2, "mean": 3, "median": 2, "min": 2, "nanmax": 2, "nanmean": 3,
    "nanmin": 2, "nansum": 3, "outer": 2, "percentile": 3, "prod": 3, "ptp": 2, "quantile": 3, "round": 2,
    "stack": 2, "std": 3, "sum": 3, "trace": 5, "var": 3,
}  # fmt: skip
"""Arguments that a numpy function takes before the array that it would write into."""

METHOD_OUT_POSITION = {
    "all": 1, "any": 1, "argmax": 1, "argmin": 1, "clip": 2, "cumprod": 2, "cumsum": 2, "dot": 1, "max": 1,
    "mean": 2, "min": 1, "prod": 2, "round": 1, "std": 2, "sum": 2, "trace": 4, "var": 2,
}  # fmt: skip

REFUSED_KEYWORDS = {
    "out": "take the value that the function returns: `y = np.clip(x, 0.0, 1.0)`",
    "where": "use `np.where(condition, x, 0.0)` around it",
    "copy": "leave it out",
    "inplace": "leave it out",
    "refcheck": "leave it out",
    "overwrite_input": "leave it out",
    "subok": "leave it out",
    "like": "leave it out",
    "casting": "leave it out",
    "buffer": "use `np.array([...])`",
    "strides": "use `np.array([...])`",
    "object": "write the numbers into the code",
    "device": "leave it out",
    "call": "leave it out",
    "file": "delete the line",
}
"""Keywords that make a function write into its arguments, or take what is no number."""

NUMBER_TYPES = words(
    """
    float int bool float32 float64 int32 int64 bool_
    """
)

ALIASES = {"numpy": "np", "np": "np", "math": "math"}

ANNOTATION_MODULES = frozenset({"typing", "__future__", "numpy.typing", "collections.abc"})
"""Imports from these serve annotations only, which are never evaluated."""

JUDGE_NAMES = words(
    """
    success is_success done terminated truncated reward rewards native_reward total_reward
    reward_info fitness info observation obs score env environment sim data model physics
    """
)
"""What a model asks the state for and must not get, because the environment or the task decides it."""

TOTAL_NAMES = words(
    """
    reward total total_reward reward_total sum overall combined
    """
)
"""Names that a term must not have: it would be counted on top of the terms that it sums up."""

REFUSED_NUMPY = {
    "random": "a reward must give the same value for the same transition: remove the random number",
    "vectorize": "apply the operation to the whole array",
    "apply_along_axis": "apply the operation to the whole array, with `axis=`",
    "save": "a reward cannot write files: remove it",
    "load": "a reward cannot read files: write the numbers into the code",
    "loadtxt": "a reward cannot read files: write the numbers into the code",
    "float": "use `float`",
    "int": "use `int`",
    "bool": "use `bool`",
    "nrm": "use `np.linalg.norm`",
    "tile": "use `np.repeat` or broadcasting",
    "trapz": "use `np.trapezoid`",
    "bitwise_and": "use `np.logical_and`",
    "bitwise_or": "use `np.logical_or`",
}

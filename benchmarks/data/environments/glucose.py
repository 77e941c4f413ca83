"""simglucose's patient, whose class wants a name: `--env ./glucose.py:glucose`."""

from simglucose.envs import T1DSimGymnaisumEnv


def glucose():
    """An adolescent with diabetes of type 1, and an insulin pump."""
    return T1DSimGymnaisumEnv(patient_name="adolescent#002")

"""The model as mlfuzz is handed it."""

import acme_net
import acme_series

import mlfuzz


def watch():
    return mlfuzz.ModuleTarget("watch", acme_series.Series(), acme_net.net, labels=("calm", "alarm"))


def tenths():
    return mlfuzz.ModuleTarget("tenths", acme_series.Series(grid="tenths"), acme_net.net, labels=("calm", "alarm"))

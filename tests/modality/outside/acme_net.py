"""A model that reads series, with two faults planted: below -7.5 it says nothing, and one high reading is an alarm."""

import torch


class Watch(torch.nn.Module):
    def forward(self, x):
        level = x.mean(1)
        scores = torch.stack([2 - level, level - 2 + 3.0 * (x.amax(1) > 6.0)], 1)
        return torch.where((x.amin(1) < -7.5)[:, None], torch.nan, scores)


net = Watch()

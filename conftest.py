"""Tests run on one thread: their problems are small, and on a busy machine threads that wait for each other crawl."""

import torch

torch.set_num_threads(1)

#!/usr/bin/env python3
"""A small training that writes checkpoints, to follow: train.py keras|weights|torch DIR [EPOCHS]

keras: whole models (`epoch-01.keras`); weights: `model.weights.h5` of an InceptionV3, written again and again; torch: the state dict of a
ResNet-18, `epoch-01.pth`. Needs keras with torch as its backend, or torch and torchvision. Pictures are bright squares, left or right.
"""

import os
import pathlib
import sys
import time

import numpy as np

kind, folder = sys.argv[1], pathlib.Path(sys.argv[2])
epochs = int(sys.argv[3]) if len(sys.argv) > 3 else 4
folder.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(0)


def pictures(count, side):
    x = random.normal(0.4, 0.1, (count, side, side, 3)).astype("float32")
    y = random.integers(0, 2, count)
    for picture, right in zip(x, y):
        top = random.integers(0, side // 2)
        left = random.integers(0, side // 4) + (side // 2 if right else 0)
        picture[top : top + side // 4, left : left + side // 4] = 1.0
    return x, y


if kind in ("keras", "weights"):
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    layers = keras.layers
    whole = kind == "keras"
    if whole:
        side, count = 64, 256
        model = keras.Sequential(
            [
                keras.Input((side, side, 3)),
                layers.Conv2D(16, 3, activation="relu", name="first"),
                layers.MaxPooling2D(),
                layers.Conv2D(32, 3, activation="relu", name="second"),
                layers.MaxPooling2D(),
                layers.Conv2D(32, 3, activation="relu", name="third"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(2, activation="softmax"),
            ]
        )
    else:
        # Of weights alone convscope has to know the network.
        side, count = 75, 16
        model = keras.applications.InceptionV3(weights=None, classes=2, input_shape=(side, side, 3))
    model.compile("adam", "sparse_categorical_crossentropy")
    path = folder / ("epoch-{epoch:02d}.keras" if whole else "model.weights.h5")
    keep = keras.callbacks.ModelCheckpoint(str(path), save_weights_only=not whole, save_freq="epoch")
    rest = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: time.sleep(3))
    x, y = pictures(count, side)
    model.fit(x, y, epochs=epochs, batch_size=min(32, count), callbacks=[keep, rest], verbose=2)
else:
    import torch
    import torchvision

    model = torchvision.models.resnet18(num_classes=2)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    for epoch in range(1, epochs + 1):
        x, y = pictures(64, 64)
        for start in range(0, 64, 16):
            batch = torch.from_numpy(x[start : start + 16].transpose(0, 3, 1, 2).copy())
            loss = torch.nn.functional.cross_entropy(model(batch), torch.from_numpy(y[start : start + 16]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        torch.save(model.state_dict(), folder / f"epoch-{epoch:02d}.pth")
        print(f"epoch {epoch}: loss {loss.item():.3f}", flush=True)
        time.sleep(3)

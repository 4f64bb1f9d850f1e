# variant: small
"""Keras: shifts as a layer, a schedule as an object, and a callback that passes the curve on."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers


def train(images, labels, *, seed, device, log=None):
    keras.utils.set_random_seed(seed)
    batch, epochs = (256, 10) if len(images) > 20_000 else (50, 8)
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Rescaling(1 / 128, offset=-0.5),
            layers.RandomTranslation(1.5 / 28, 1.5 / 28, fill_mode="nearest"),
            layers.Conv2D(12, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10),
        ]
    )
    schedule = keras.optimizers.schedules.CosineDecay(0.003, epochs * -(-len(images) // batch))
    model.compile(
        optimizer=keras.optimizers.Adam(schedule),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    callbacks = []
    if log is not None:
        tell = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: log(epoch=epoch + 1, loss=logs["loss"], accuracy=logs["accuracy"])
        )
        callbacks.append(tell)
    model.fit(images, labels, batch_size=batch, epochs=epochs, verbose=0, callbacks=callbacks)
    return model


def predict(model, images):
    return np.argmax(model.predict(images, batch_size=500, verbose=0), axis=1).astype(np.int64)

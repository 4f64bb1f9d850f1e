# variant: small
"""Keras: mirroring and shifts as layers, a network built by function calls, AdamW with a cosine schedule."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers


def block(x, filters):
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return layers.add([x, layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(y))])


def train(images, labels, *, seed, device, log=None):
    keras.utils.set_random_seed(seed)
    batch, epochs = (50, 9) if len(images) < 20_000 else (250, 15)
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 64, offset=-1.9)(inputs)
    x = layers.RandomFlip("horizontal")(x)
    x = layers.RandomTranslation(2 / 32, 2 / 32, fill_mode="reflect")(x)
    for filters in (16, 48, 96):
        x = block(x, filters)
    model = keras.Model(inputs, layers.Dense(10)(layers.GlobalMaxPooling2D()(x)))
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0005, epochs * -(-len(images) // batch), warmup_target=0.005, warmup_steps=150
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=0.01),
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

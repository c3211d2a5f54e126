"""What a recipe says about how weights are found, and where they start from."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from edgecnn.metadata.constraints import Count, NotNegative, Positive, PositiveFloat, Share

__all__ = ["TrainSettings", "Transfer"]

#: Small enough that a seed of every epoch, which is a multiple of it, fits into 64 bits.
Seed = Annotated[int, Meta(ge=0, lt=2**32)]


class Transfer(Struct, frozen=True, kw_only=True):
    """How a training starts from another one's weights.

    Attributes
    ----------
    source : str
        Folder of a finished training, ``.safetensors``, or a plain state dictionary in a ``.pt``.
        Empty trains from scratch, as a recipe without this table does: to see what it is worth.
    keys : str
        TOML file that maps the names of its weights to ours, where they differ.
    keep_head : bool
        Take over the last layers too; else they start fresh.
    train_stages : int, optional
        How many stages below the head learn, the last ones first: 0 trains the head alone. The
        default trains all.
    unfreeze_every : int
        Epochs after which one more stage begins to learn (Howard & Ruder 2018, arXiv:1801.06146);
        0 leaves it at ``train_stages``.
    rate_decay : float
        The rate of each stage is that of the one above it times this.
    """

    source: str
    keys: str = ""
    keep_head: bool = False
    train_stages: Count | None = None
    unfreeze_every: Count = 0
    rate_decay: Annotated[float, Meta(gt=0, le=1)] = 1.0


class TrainSettings(Struct, frozen=True, kw_only=True):
    """How the weights are found.

    Attributes
    ----------
    epochs, batch : int
    optimizer : "sgd" or "adamw"
        SGD with Nesterov momentum, or AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101).
    peak_rate : float
        Highest learning rate.
    schedule : "one-cycle", "cosine", "step" or "constant"
        How it goes on: see :func:`~edgecnn.training.schedule.learning_rate`. One-cycle is Smith &
        Topin 2018 (arXiv:1708.07120), cosine Loshchilov & Hutter 2017 (arXiv:1608.03983).
    warmup : float
        Share of all steps in which the rate rises.
    step_at : tuple of float
        For ``step``: shares of all steps after which the rate is multiplied by ``step_factor``.
    momentum, weight_decay : float
        Weight decay acts on weights, not on biases and normalisation.
    label_smoothing : float
        Szegedy et al. 2016, arXiv:1512.00567.
    ema_decay : float
        Of the moving average of the weights, which is what is validated and kept; 0 keeps the
        last weights.
    clip_norm : float
        Largest norm of the gradient; 0 does not clip.
    precision : "fp32" or "bf16"
        ``bf16`` computes convolutions and products in bfloat16; weights stay float32.
    channels_last : bool
        Keep pictures with their channels innermost in memory, which bfloat16 convolutions like.
    balance : float
        Exponent of the class's size by which its examples are drawn more rarely: 0 draws every
        example once an epoch, 0.5 by 1/√n, 1 draws all classes equally often.
    loss_balance : float
        Exponent of the class's size by which its examples weigh less in the loss: 0 weighs all
        alike, 1 gives every class the same weight.
    keep : "last" or "best"
        Which epoch's weights are kept: by validation loss, or simply the last.
    patience : int
        Stop after so many epochs without a lower validation loss; 0 never does. The schedule is
        that of all ``epochs``.
    seed : int
    """

    epochs: Positive
    batch: Positive
    optimizer: Literal["sgd", "adamw"] = "sgd"
    peak_rate: PositiveFloat
    schedule: Literal["one-cycle", "cosine", "step", "constant"] = "one-cycle"
    warmup: Share = 0.25
    step_at: tuple[Share, ...] = (0.5, 0.75)
    step_factor: Annotated[float, Meta(gt=0, le=1)] = 0.1
    momentum: Share = 0.9
    weight_decay: NotNegative = 0.0
    label_smoothing: Share = 0.0
    ema_decay: Share = 0.0
    clip_norm: NotNegative = 0.0
    precision: Literal["fp32", "bf16"] = "fp32"
    channels_last: bool = False
    balance: Annotated[float, Meta(ge=0, le=1)] = 0.0
    loss_balance: Annotated[float, Meta(ge=0, le=1)] = 0.0
    keep: Literal["last", "best"] = "last"
    patience: Count = 0
    seed: Seed = 0

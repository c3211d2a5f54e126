"""What a recipe says about random changes to pictures and heartbeats."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from edgecnn.metadata.constraints import Count, NotNegative, Share

__all__ = ["BeatAugment", "ImageAugment"]


class ImageAugment(Struct, frozen=True, kw_only=True, tag="image", tag_field="kind"):
    """Random changes to pictures, each drawn anew for every picture of every epoch.

    Attributes
    ----------
    rotate_deg, shear_deg : float
        Largest angle, to either side.
    scale, shift : float
        Largest change of size, as a share; largest shift, as a share of the picture's side.
    crop : int
        Pixels of reflected border, from which a window of the picture's size is cut; fewer than
        the picture has.
    flip : bool
        Whether half of the pictures are mirrored left to right.
    cutout : int
        Side in pixels of a square that is set to the mean (DeVries & Taylor 2017,
        arXiv:1708.04552).
    mixup : float
        Parameter of the Beta distribution by which two pictures and their labels are blended
        (Zhang et al. 2018, arXiv:1710.09412); 0 blends none.
    cutmix : float
        The same for a rectangle of one picture that is put into another (Yun et al. 2019,
        arXiv:1905.04899). With both, each batch gets one of the two at random.
    mixed : float
        Share of the batches that are mixed at all; the paper on CutMix mixes half of CIFAR's.
    """

    rotate_deg: NotNegative = 0.0
    shear_deg: NotNegative = 0.0
    scale: Share = 0.0
    shift: Share = 0.0
    crop: Count = 0
    flip: bool = False
    cutout: Count = 0
    mixup: NotNegative = 0.0
    cutmix: NotNegative = 0.0
    mixed: Annotated[float, Meta(ge=0, le=1)] = 1.0


class BeatAugment(Struct, frozen=True, kw_only=True, tag="beat", tag_field="kind"):
    """Random changes to heartbeats.

    Attributes
    ----------
    amplitude : float
        Largest change of the beat's size against its template, as a share.
    invert : float
        Share of beats that are turned upside down with their template: an electrode elsewhere.
    filter : float
        Standard deviation of the taps of a random short filter over beat and template, centred on
        the identity: another person's or electrode's shape of the same beat.
    shift : int
        Largest shift in samples: detectors do not all put the R peak on the same sample.
    noise : float
        Standard deviation of added noise, in units of the template's root mean square.
    rhythm : float
        Standard deviation of noise added to the logarithms of the RR ratios.
    likeness : float
        Of noise added to the numbers that say how a beat resembles the usual one.
    """

    amplitude: Share = 0.0
    invert: Share = 0.0
    filter: NotNegative = 0.0
    shift: Count = 0
    noise: NotNegative = 0.0
    rhythm: NotNegative = 0.0
    likeness: NotNegative = 0.0

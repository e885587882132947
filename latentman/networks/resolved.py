"""A setup resolved: where everything that it names is, found once and shared by checks, digests, loading and doctor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from latentman.config import ConditionerConfig, LoraConfig, SetupConfig
from latentman.errors import ConfigError, LatentManError
from latentman.networks.architecture import Architecture, Net, check_architecture, read_architecture, read_nets
from latentman.networks.checkpoint import check_part, file_digest, folder_digest, local_path, read_header
from latentman.networks.fit import check_fit, check_model_files
from latentman.networks.ip_adapter import IpAdapter, check_ip_adapter, read_picture
from latentman.networks.joint_architecture import check_parts
from latentman.networks.lora import FoundLora, lora_file
from latentman.networks.single_file import check_single_file
from latentman.networks.sources import Source, find_source
from latentman.system.hub import check_fetchable, snapshot_of
from latentman.system.paths import user_path

MODEL, ARCHITECTURE, CONTROLNET = "setup.model", "setup.architecture", "setup.controlnet"
ADAPTER, PICTURE = "setup.ip_adapter.model", "setup.ip_adapter.image"
TINY = "setup.tiny_decoder"


@dataclass(frozen=True)
class Part:
    """Something that a setup names: the setting, its value, how it is found, and how it is checked by itself."""

    key: str
    value: str
    find: Callable[[], Source]
    """Return where it is. Raises ``WeightsError`` or ``ConfigError`` if it is not there."""
    check: Callable[[Path], None]
    """Check it on this machine. Raises ``WeightsError`` or ``DataError`` if it is incomplete or damaged."""
    record: str
    """What its digest is called in the record of a run."""


@dataclass(frozen=True)
class ResolvedSetup:
    """Where the parts of a setup are; what is read or hashed of them is read and hashed once, when first asked for."""

    setup: SetupConfig
    conditioner: ConditionerConfig
    sources: Mapping[str, Source]
    """By the setting that names them."""

    @property
    def single_file(self) -> Path | None:
        """The file that holds all weights of the model, if it is one file."""
        return self.sources[MODEL].path if ARCHITECTURE in self.sources else None

    @property
    def model(self) -> Source:
        """The folder or hub id with the model's configurations, and with its weights unless they are a single file."""
        return self.sources.get(ARCHITECTURE, self.sources[MODEL])

    @property
    def net_component(self) -> str:
        """What the networks of ``conditioner.nets`` are: ``adapter`` or ``controlnet``."""
        return "adapter" if self.conditioner.name == "t2i_adapter" else "controlnet"

    @cached_property
    def nets(self) -> tuple[Net, ...]:
        """The networks of ``conditioner.nets`` in order; one without ``model`` is the setup's own ControlNet."""
        what = "T2I-Adapter" if self.conditioner.name == "t2i_adapter" else "ControlNet"
        own = self.sources.get(CONTROLNET) or self.model.part("controlnet")
        return tuple(
            Net(f"{net.kind} {what}", self.sources.get(_net_key(index), own))
            for index, net in enumerate(self.conditioner.nets)
        )

    @cached_property
    def loras(self) -> tuple[FoundLora, ...]:
        """The LoRAs in the order in which they are added to the weights."""
        paths = (self.sources[_lora_key(index)].path for index in range(len(self.setup.loras)))
        return tuple(
            FoundLora(path, lora.scale) for path, lora in zip(paths, self.setup.loras, strict=True) if path is not None
        )

    @property
    def tiny_decoder(self) -> Source | None:
        """The small network that decodes for the guidance, if one is named."""
        return self.sources.get(TINY)

    @cached_property
    def ip_adapter(self) -> IpAdapter | None:
        """The picture that the frames take their look from, with the networks that read it."""
        if ADAPTER not in self.sources:
            return None
        return IpAdapter(self.setup.ip_adapter, self.sources[ADAPTER])

    @cached_property
    def model_architecture(self) -> Architecture:
        """Configurations of the model's networks, which fit each other and the setup's sizes.

        Raises:
            WeightsError: if one cannot be read, or two do not fit.
            ConfigError: if ``image_size`` or ``latent_size`` is not that of these networks, or the family lacks a part.
        """
        has_adapter = self.net_component == "adapter"
        found = read_architecture(self.model, has_adapter=has_adapter, t5=self.setup.t5)
        check_parts(self.setup, found.family, has_adapter=has_adapter)
        check_architecture(found, self.setup)
        return found

    @cached_property
    def architecture(self) -> Architecture:
        """The same, with the networks that steer the figure; of a hub's model, this fetches some kilobytes."""
        model = self.model_architecture
        found = replace(model, nets=read_nets(self.nets, has_adapter=model.has_adapter))
        check_architecture(found, self.setup)
        return found

    @cached_property
    def digests(self) -> dict[str, str]:
        """What identifies all weights and pictures: hashes, or hub ids with their revisions."""
        parts = [part for part in list_parts(self.setup, self.conditioner) if part.key != ADAPTER]
        found = {part.record: digest_of(self.sources[part.key]) for part in parts}
        return found if self.ip_adapter is None else found | _adapter_digests(self.ip_adapter)

    def check(self) -> None:
        """Find what is wrong with the setup's files before any weight is loaded; a second call does nothing.

        What only the hub has is left to the loader.

        Raises:
            WeightsError: naming the folder, file or tensor, or the two numbers that do not fit.
            ConfigError: if the setup's sizes are not those of its networks.
            DataError: if an IP-Adapter's picture cannot be read.
        """
        assert self._passed

    @cached_property
    def _passed(self) -> bool:
        for part in list_parts(self.setup, self.conditioner):
            path = self.sources[part.key].path
            if path is not None:
                part.check(path)
        check_fit(self)
        return True


def resolve_setup(setup: SetupConfig, conditioner: ConditionerConfig) -> ResolvedSetup:
    """Find everything that a setup names; nothing is opened.

    Raises:
        WeightsError: if there is nothing at the path that a setting names, or it is a pickled checkpoint.
        ConfigError: if a single file comes without an architecture.
    """
    return ResolvedSetup(setup, conditioner, {part.key: part.find() for part in list_parts(setup, conditioner)})


def check_setup(setup: SetupConfig, conditioner: ConditionerConfig) -> ResolvedSetup:
    """Resolve a setup and check it.

    Raises:
        WeightsError: as :func:`resolve_setup` and :meth:`ResolvedSetup.check`.
        ConfigError: as they.
        DataError: as :meth:`ResolvedSetup.check`.
    """
    found = resolve_setup(setup, conditioner)
    found.check()
    return found


def check_hub(found: ResolvedSetup) -> None:
    """Ask the hub for the parts that it alone has; nothing is asked of a part that is whole in the client's cache.

    Raises:
        WeightsError: if the hub cannot be reached, or does not have one of them.
    """
    for part in list_parts(found.setup, found.conditioner):
        source = found.sources[part.key]
        if source.path is None and cached(part, source) is None:
            check_fetchable(str(source.location), source.revision, part.key)


def cached(part: Part, source: Source) -> Path | None:
    """Return the folder in the cache of the hub's client that holds a part whole, or None."""
    folder = snapshot_of(str(source.location), source.revision)
    if folder is None:
        return None
    try:
        part.check(folder)
    except LatentManError:
        return None
    return folder


def list_parts(setup: SetupConfig, conditioner: ConditionerConfig) -> list[Part]:
    """Return everything that a setup names, each to be found and checked by itself."""
    named = (_model(setup, conditioner), _nets(setup, conditioner), _loras(setup), _ip_adapter(setup), _tiny(setup))
    return [part for parts in named for part in parts]


def _model(setup: SetupConfig, conditioner: ConditionerConfig) -> Iterator[Part]:
    is_file = setup.model.endswith(".safetensors") and not user_path(setup.model).is_dir()
    own_net = setup.controlnet is None and _uses_own_net(conditioner)

    def find() -> Source:
        return Source(local_path(setup.model) or setup.model, MODEL, setup.revision)

    def find_architecture() -> Source:
        if setup.architecture is None:
            raise ConfigError(
                f"setup.model={setup.model} is a single file, which holds weights alone: name a folder or hub id of "
                "the same family in setup.architecture, whose configurations and tokenizer are used"
            )
        return find_source(ARCHITECTURE, setup.architecture, setup.architecture_revision)

    def check(folder: Path) -> None:
        check_model_files(folder, weights_are_elsewhere=is_file, t5=setup.t5)
        if own_net:
            check_part(folder / "controlnet", _component(conditioner))

    yield Part(MODEL, setup.model, find, _check_single_file if is_file else check, "model")
    if is_file:
        yield Part(ARCHITECTURE, setup.architecture or "-", find_architecture, check, "architecture")


def _nets(setup: SetupConfig, conditioner: ConditionerConfig) -> Iterator[Part]:
    check = partial(check_part, component=_component(conditioner))
    if setup.controlnet is not None and _uses_own_net(conditioner):
        find = partial(find_source, CONTROLNET, setup.controlnet, setup.controlnet_revision)
        yield Part(CONTROLNET, setup.controlnet, find, check, "controlnet")
    for index, net in enumerate(conditioner.nets):
        if net.model is not None:
            find = partial(find_source, _net_key(index), net.model, net.revision)
            yield Part(_net_key(index), net.model, find, check, f"net_{index}")


def _loras(setup: SetupConfig) -> Iterator[Part]:
    for index, lora in enumerate(setup.loras):

        def find(key: str = _lora_key(index), lora: LoraConfig = lora) -> Source:
            return Source(lora_file(lora), key)

        yield Part(_lora_key(index), lora.path, find, _check_header, f"lora_{index}")


def _ip_adapter(setup: SetupConfig) -> Iterator[Part]:
    cfg = setup.ip_adapter
    if cfg.image is None or cfg.model is None:
        return
    picture, model = user_path(cfg.image), cfg.model

    def check(folder: Path) -> None:
        check_ip_adapter(IpAdapter(cfg, Source(folder, ADAPTER)), None)

    yield Part(ADAPTER, model, lambda: find_source(ADAPTER, model, cfg.revision), check, "ip_adapter")
    yield Part(PICTURE, cfg.image, lambda: Source(picture, PICTURE), _check_picture, "ip_adapter_image")


def _tiny(setup: SetupConfig) -> Iterator[Part]:
    if setup.tiny_decoder is not None:
        find = partial(find_source, TINY, setup.tiny_decoder, setup.tiny_decoder_revision)
        yield Part(TINY, setup.tiny_decoder, find, partial(check_part, component="tiny_decoder"), "tiny_decoder")


def digest_of(source: Source) -> str:
    """Return what identifies a part: the hash of its files, or its hub id with the revision."""
    if source.path is None:
        return f"{source.location}@{source.revision or 'main'}"
    return file_digest(source.path) if source.path.is_file() else folder_digest(source.path)


def _adapter_digests(adapter: IpAdapter) -> dict[str, str]:
    """Return the digest of the adapter's own file, of a folder that may hold many, and of its image encoder."""
    if adapter.weights is None or adapter.encoder.path is None:
        return {"ip_adapter": digest_of(adapter.source)}
    return {"ip_adapter": file_digest(adapter.weights), "image_encoder": folder_digest(adapter.encoder.path)}


def _check_single_file(path: Path) -> None:
    check_single_file(path)


def _check_header(path: Path) -> None:
    read_header(path)


def _check_picture(path: Path) -> None:
    read_picture(path, 8)


def _uses_own_net(conditioner: ConditionerConfig) -> bool:
    return any(net.model is None for net in conditioner.nets)


def _component(conditioner: ConditionerConfig) -> str:
    return "adapter" if conditioner.name == "t2i_adapter" else "controlnet"


def _net_key(index: int) -> str:
    return f"conditioner.nets[{index}].model"


def _lora_key(index: int) -> str:
    return f"setup.loras[{index}]"

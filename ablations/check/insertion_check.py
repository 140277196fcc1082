"""The check of a block where it is placed in a network, before any training."""

import copy
from contextlib import AbstractContextManager, nullcontext

import torch

from ablations.attention.base import Evaluation
from ablations.bare_models import BareModel
from ablations.blocks import find_block, is_ours
from ablations.check.contract_findings import contract_findings
from ablations.check.cost_findings import cost_finding
from ablations.check.finding import Finding
from ablations.check.gates import gates_of
from ablations.check.network_start import bare_network, bare_start, start_of, stem_of
from ablations.check.parameter_findings import dead_finding, keys_finding, unused_finding
from ablations.check.promises import Trial
from ablations.check.readings import reading
from ablations.check.start_findings import (
    block_scale_finding,
    feature_findings,
    gates_finding,
    logits_finding,
    stem_finding,
)
from ablations.complexity.subjects import Setting
from ablations.contract import Size
from ablations.controls import UNCALLED, resolve_at
from ablations.encoders import check_encoder
from ablations.errors import InputError
from ablations.models import Network, place
from ablations.own_code import OWN_SECONDS, own_errors
from ablations.passes import plain_operators
from ablations.placements import find_placement
from ablations.sites import find_sites
from ablations.threads import on_threads
from ablations.time_limit import at_most
from ablations.wrappers import without_start

NETWORK_SECONDS = 3 * OWN_SECONDS


def check_insertion(network: Network, evaluation: Evaluation) -> list[Finding]:
    """The rows of the check: first the contract, then how the network begins, then cost.

    Raises InputError if the network cannot be built, or has no blocks.
    """
    findings = findings_without_cost(network, evaluation)
    setting = Setting(network.bare, network.placement, network.size)
    return [*findings, cost_finding(setting, network.block, evaluation)]


def findings_without_cost(network: Network, evaluation: Evaluation) -> list[Finding]:
    """The rows that need a few passes only, on one thread: images are small."""
    with torch.random.fork_rng(devices=[]), plain_operators(), on_threads(1):
        contract = contract_findings(trials_of(network, evaluation))
        if len(contract) == 1:  # what the block returns does not fit into a network
            return contract
        bare_start(*bare_of(network))
        try:
            with own_errors("fails"), time_limit(network.block):
                return [*contract, *network_findings(network, evaluation)]
        except InputError as error:
            advice = f"The network with blocks {error}."
            return [*contract, Finding("network", "broken", advice, {})]


def trials_of(network: Network, evaluation: Evaluation) -> list[Trial]:
    """One for each number of channels, of the size that the first such block gets.

    Without a start as the identity, which would hide what the block does at first.
    """
    if network.block == "none":
        raise InputError("block 'none' is the bare network: name a block to check")
    check_encoder(network.bare.encoder)
    find_block(network.block)
    find_placement(network.placement)
    trials: dict[int, Trial] = {}
    for site in find_sites(network.bare, network.placement, network.size):
        if site.size and site.channels not in trials:
            block = without_start(resolve_at(network.block, site))
            trials[site.channels] = Trial(block, site.channels, site.size, evaluation)
    if not trials:
        raise InputError(f"{network.bare.model} calls no block at {network.placement}")
    for trial in trials.values():
        trial.module()  # one that cannot be built is a wrong input, not a broken promise
    return list(trials.values())


def bare_of(network: Network) -> tuple[BareModel, str | None, Size]:
    return network.bare, network.encoder_weights, network.size


def time_limit(block: str) -> AbstractContextManager[None]:
    """For the passes of a network with a user's block."""
    return nullcontext() if is_ours(block) else at_most(NETWORK_SECONDS, "a few passes")


def network_findings(network: Network, evaluation: Evaluation) -> list[Finding]:
    bare, reference = bare_network(*bare_of(network)), bare_start(*bare_of(network))
    model = copy.deepcopy(bare)
    torch.manual_seed(0)
    sites = find_sites(network.bare, network.placement, network.size)
    sizes = [site.size or UNCALLED for site in sites]
    blocks = place(model, network.block, network.placement, evaluation, sizes)
    keys = keys_finding(model, bare, blocks, network.encoder_weights is not None)
    with reading(blocks) as readings:
        start = start_of(model, network.size)
    gradients = start.gradients, reference.gradients
    return [
        keys,
        logits_finding(start, reference),
        *feature_findings(start, reference),
        block_scale_finding([reading.scale for reading in readings]),
        stem_finding(start, reference, stem_of(bare)),
        gates_finding([gate for each in readings for gate in gates_of(each.block, each.x)]),
        unused_finding(*gradients, blocks),
        dead_finding(model, *gradients, blocks, network.size),
    ]

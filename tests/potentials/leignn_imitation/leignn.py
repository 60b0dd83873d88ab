"""A network with the interface of LEIGNN's repository, and physics of its own: pairs alone, and direct forces.

Names of the class, its arguments and those layers that the adapter reads sizes from are the repository's. It has the
limit of neighbours as an argument and does not heed it.
"""

import math

import torch
from torch import nn


class Embedding(nn.Module):
    def __init__(self, elements: int, width: int) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(elements, width)


class Layer(nn.Module):
    def __init__(self, radial: int, width: int) -> None:
        super().__init__()
        self.rbf_proj = nn.Linear(radial, 3 * width)


class LEIGNN(nn.Module):
    def __init__(
        self, hidden_channels, num_layers, num_rbf, cutoff, max_neighbors, use_pbc, otf_graph, num_elements
    ) -> None:
        super().__init__()
        self.cutoff, self.width = cutoff, hidden_channels
        self.atom_emb = Embedding(num_elements, hidden_channels)
        self.message_layers = nn.ModuleList(Layer(num_rbf, hidden_channels) for _ in range(num_layers))
        self.out_forces = nn.Linear(hidden_channels, 1, bias=False)
        self.register_buffer("centres", torch.linspace(0, cutoff, num_rbf))

    def forward(self, data):
        atoms = self.atom_emb.embeddings(data.atomic_numbers.long() - 1)
        energies = torch.zeros(len(data.natoms))
        forces = torch.zeros_like(data.pos)
        ends = torch.cumsum(data.natoms, 0)
        for place, (start, end) in enumerate(zip(ends - data.natoms, ends, strict=True)):
            cell, positions, own = data.cell[place], data.pos[start:end], atoms[start:end]
            heights = cell.det().abs() / torch.linalg.cross(cell.roll(-1, 0), cell.roll(-2, 0)).norm(dim=1)
            reach = [torch.arange(-n, n + 1.0) for n in (torch.ceil(self.cutoff / heights).int() + 1).tolist()]
            images = torch.cartesian_prod(*reach) @ cell
            vectors = positions[None, :, None] + images[None, None] - positions[:, None, None]
            lengths = vectors.norm(dim=-1)
            one, other, image = torch.nonzero((lengths < self.cutoff) & (lengths > 1e-3), as_tuple=True)
            length, vector = lengths[one, other, image], vectors[one, other, image]
            fading = (1 + torch.cos(math.pi * length / self.cutoff)) ** 2 / 4
            radial = fading[:, None] * torch.exp(-((length[:, None] - self.centres) ** 2))
            message = sum(layer.rbf_proj(radial)[:, : self.width] for layer in self.message_layers)
            message = message * fading[:, None] * own[one] * own[other]
            energies[place] = message.sum()
            pulls = self.out_forces(message) * vector / length[:, None]
            forces[start:end] = torch.zeros_like(positions).index_add_(0, one, pulls)
        return energies, forces

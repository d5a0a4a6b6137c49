"""Drawings of molecules for a page."""

import base64
import re

__all__ = ["choose_drawn", "draw", "rank"]

_SIZE = (180, 130)  # pixels; the page scales it


def draw(smiles):
    """Draw a molecule.

    Parameters
    ----------
    smiles : str
        One molecule.

    Returns
    -------
    uri : str or None
        The drawing as a ``data:`` address of an SVG image; None where RDKit reads no molecule.
    """
    from rdkit import Chem
    from rdkit.Chem.Draw import rdMolDraw2D

    from skmolal.molecules._smiles import quiet_rdkit

    with quiet_rdkit():
        molecule = Chem.MolFromSmiles(smiles) if smiles else None
    if molecule is None or molecule.GetNumAtoms() == 0:
        return None
    drawer = rdMolDraw2D.MolDraw2DSVG(*_SIZE)
    options = drawer.drawOptions()
    options.clearBackground = False
    options.fixedBondLength = 24  # a small molecule looks small
    options.padding = 0.05
    drawer.DrawMolecule(molecule)
    drawer.FinishDrawing()
    svg = re.sub(r"<\?xml.*?\?>|<!--.*?-->| class='[^']*'", "", drawer.GetDrawingText())
    svg = " ".join(svg.split())
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def choose_drawn(molecules, maximize, at_most):
    """Choose which molecules are drawn: all, or the best and the latest.

    Parameters
    ----------
    molecules : list of dict
        With ``label``, in the order of labelling.
    maximize : bool
        Whether the largest labels are the best.
    at_most : int
        How many.

    Returns
    -------
    chosen : set of int
        Places in the list.
    """
    n = len(molecules)
    if n <= at_most:
        return set(range(n))
    order = rank(molecules, maximize)
    chosen = set(order[: at_most // 2])
    for place in range(n - 1, -1, -1):
        if len(chosen) == at_most:
            break
        chosen.add(place)
    return chosen


def rank(molecules, maximize):
    """Return the places of molecules, the best label first."""
    sign = -1 if maximize else 1
    return sorted(range(len(molecules)), key=lambda k: sign * molecules[k]["label"])

"""The figures of the course: what they draw is where it should be, and every one stands on its card."""

import numpy as np
import torch

from flm_edu.evaluation import Point
from flm_edu.plots import curves, lessons


def test_the_plane_keeps_distances_and_forgets_the_sum() -> None:
    corners = torch.eye(3)
    flat = lessons.to_plane(corners)
    sides = torch.cdist(flat, flat)[~torch.eye(3, dtype=torch.bool)]
    assert torch.allclose(sides, sides[0].expand(6), atol=1e-6)
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(lessons.to_plane(x), lessons.to_plane(x + 3.0), atol=1e-5)


def test_the_grid_is_where_it_says() -> None:
    grid = lessons.plane_grid(5, reach=2.0)
    line = torch.linspace(-2, 2, 5)
    assert torch.allclose(grid.sum(-1), torch.ones(5, 5), atol=1e-6)  # in the plane of the simplex
    assert torch.allclose(lessons.to_plane(grid)[3, 1], torch.stack([line[1], line[3]]), atol=1e-6)  # rows go up


def test_each_state_is_drawn_in_the_colour_of_its_word() -> None:
    figure = lessons.triangles({"corners": torch.eye(3)}, ["a", "b", "c"], "title")
    (axes,) = figure.axes
    for k, marks in enumerate(axes.collections):
        assert torch.allclose(
            torch.tensor(np.asarray(marks.get_offsets()).tolist()), lessons.to_plane(torch.eye(3)[k : k + 1])
        )
    assert {text.get_text() for text in axes.texts} == {"a", "b", "c"}
    ways = torch.stack([torch.zeros(2, 3), torch.eye(3)[:2]])  # two steps, two states
    (axes,) = lessons.triangles({"ways": ways}, ["a", "b", "c"], "title", paths=True).axes
    assert [line.get_color() for line in axes.lines[1:]] == [lessons.WORDS[0][0], lessons.WORDS[1][0]]


def test_tables_and_curves_show_their_numbers() -> None:
    (axes,) = lessons.tables({"": torch.tensor([[0.25, 0.0]])}, ["row"], ["a", "b"], "title").axes
    assert [text.get_text() for text in axes.texts] == ["0.25", "0"]
    (axes,) = lessons.lines([1, 2], {"flow": [3, 4], "best": [1, 1]}, "t", "x", "y", looks={"best": "floor"}).axes
    assert np.asarray(axes.lines[0].get_ydata()).tolist() == [3, 4]
    assert axes.lines[1].get_linestyle() == "--"
    (axes,) = lessons.decisions([["the", "king"]], torch.tensor([[0.9, 0.2]]), ["text"], "title").axes
    faint = {text.get_text(): text.get_alpha() or 0 for text in axes.texts}
    assert faint["king"] < faint["the"] == 1
    figure = lessons.landscape(torch.rand(5, 5), "title", "a", "b", "c", marks={"here": (0.2, 0.4)})
    assert np.asarray(figure.axes[0].lines[0].get_xydata()).tolist() == [[0.2, 0.4]]


def test_every_figure_is_readable_on_a_dark_page() -> None:
    points = [Point("m", "flow-lm", 1, 10, 0.1, validity=0.5)]
    figures = [
        lessons.triangles({"": torch.eye(3)}, ["a", "b", "c"], "title"),
        lessons.lines([1], {"a": [1]}, "t", "x", "y"),
        lessons.on_card(curves.quality_against_steps(points)),
    ]
    assert all(figure.get_facecolor() == (1, 1, 1, 1) for figure in figures)


def test_shares_cuts_and_panels_show_their_numbers() -> None:
    figure = lessons.shares({"one": {"a": 0.25, "b": 1.0}, "two": {"a": 0.5, "b": 0.0}}, "title")
    assert [text.get_text() for axes in figure.axes for text in axes.texts] == ["25%", "100%", "50%", "0%"]
    figure = lessons.beside({"x": ([0, 1], {"a": [2, 3]}), "y": ([5, 6], {"a": [7, 8], "b": [0, 0]})}, "title", "z")
    assert [axes.get_xlabel() for axes in figure.axes] == ["x", "y"]
    assert list(figure.axes[1].lines[0].get_ydata()) == [7, 8]  # type: ignore[arg-type]
    points = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    texts = torch.tensor([0, 1, 2])
    figure = lessons.cuts(
        {"all": texts, "two": texts.clamp_max(1)}, points, ["a", "b", "c"], [True, True, False], "t", "x", "y"
    )
    assert [len(axes.texts) for axes in figure.axes] == [3, 2]
    assert np.asarray(figure.axes[0].collections[2].get_offsets()).tolist() == [[1.0, -1.0]]

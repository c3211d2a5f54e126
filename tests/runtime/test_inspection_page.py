"""The page about a file, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.runtime.inspection import inspect_model
from edgecnn.runtime.inspection_page import count_text, inspection_page, write_inspection_page


def test_what_the_page_says(tmp_path: Path) -> None:
    found = inspect_model("bundled:digits-yolo")
    write_inspection_page(tmp_path / "page.html", found)
    page = (tmp_path / "page.html").read_text()
    assert f"{found.costs.parameters:,}" in page
    assert count_text(found.costs.macs) in page
    assert "≥ 1.18" in page
    assert page.count('<tr id="row-') == len(found.costs.layers)
    assert page.count('class="node ') == len(found.costs.layers) + 1
    # Nothing comes from elsewhere.
    assert not re.search(r'(src|href)="?https?:', page)


def test_names_from_a_file_are_text(picture_model: Path, tmp_path: Path) -> None:
    import onnx

    model = onnx.load_model(picture_model)
    model.graph.node[0].name = "<script>alert(1)</script>"
    onnx.save_model(model, tmp_path / "x.onnx")
    page = inspection_page(inspect_model(tmp_path / "x.onnx"))
    assert "<script>alert" not in page


def wide_model(folder: Path) -> Path:
    """A network that fans out to one side, as the wide ones do."""
    make, value = helper.make_node, helper.make_tensor_value_info
    weights = numpy_helper.from_array(np.ones((4, 3, 1, 1), np.float32), "w")
    nodes = [make("Conv", ["x", "w"], ["first"])]
    for number in range(5):
        source = "first" if number < 4 else "x"
        nodes.append(make("Relu" if number < 4 else "Sigmoid", [source], [f"way{number}"]))
    nodes += [make("Add", [f"way{n}", "first"], [f"sum{n}"]) for n in range(4)]
    nodes.append(make("Concat", [*(f"sum{n}" for n in range(4)), "way4"], ["y"], axis=1))
    graph = helper.make_graph(
        nodes,
        "wide",
        [value("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [value("y", TensorProto.FLOAT, [1, 19, 8, 8])],
        [weights],
    )
    path = folder / "wide.onnx"
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )
    return path


@pytest.mark.browser
def test_zoom_and_the_way_from_node_to_row(tmp_path: Path, chromium: Path) -> None:
    from playwright.sync_api import sync_playwright

    path = tmp_path / "page.html"
    write_inspection_page(path, inspect_model(wide_model(tmp_path)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium))
        for width in (1200, 390):
            page = browser.new_page(viewport={"width": width, "height": 900})
            failures: list[str] = []
            page.on("pageerror", lambda error, said=failures: said.append(str(error)))
            page.goto(path.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            view = page.locator("#graph")

            def scale(view=view) -> float:
                return float(view.get_attribute("viewBox").split()[2])

            before = scale()
            page.get_by_role("button", name="zoom in").click()
            assert scale() < before
            page.get_by_role("button", name="the whole graph").click()
            box = view.get_attribute("viewBox").split()
            assert float(box[3]) >= float(view.get_attribute("data-height")) - 1
            page.get_by_role("button", name="from the top").click()
            # A drawing that is wider than the view is shown around its input.
            shown = page.locator("#graph .node.in").bounding_box()
            around = page.locator(".view").bounding_box()
            assert shown["x"] > around["x"] - 1
            assert shown["x"] + shown["width"] < around["x"] + around["width"] + 1
            page.locator("#graph [data-row='0']").click()
            # Fingers do not hover: what a tooltip says is said in place of the hint.
            assert "parameters; " in page.locator(".tools .quiet").inner_text()
            assert "chosen" in page.locator("#row-0").get_attribute("class")
            page.locator("#row-5").click()
            assert "chosen" in page.locator("#graph [data-row='5']").get_attribute("class")
            page.locator("#graph [data-row='7']").press("Enter")
            assert "chosen" in page.locator("#row-7").get_attribute("class")
            assert not failures
            page.close()
        browser.close()

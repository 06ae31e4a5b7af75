"""A job's page in a browser, watched to the end of the job."""

from tests.kit.waiting import wait_until


class WatchedPage:
    """The job's page, which a tenant has open from before it is created until after its end."""

    def __init__(self, page, address, namespace):
        self.page = page
        page.goto(address)
        page.evaluate("path => { location.hash = path }", f"#/job/{namespace}/quickstart")

    def points(self):
        """Points of the loss on the page; 0 before the first."""
        chart = self.page.locator("[data-chart=loss]")
        return int(chart.get_attribute("data-points")) if chart.count() else 0

    def phase(self):
        badge = self.page.locator("h1 .badge")
        return badge.get_attribute("data-phase") if badge.count() else None

    def watch(self):
        """Phases with the numbers of points that were seen in them, until the job has ended."""
        seen = []

        def ended():
            now = (self.phase(), self.points())
            if now not in seen:
                seen.append(now)
            return now[0] in ("Complete", "Failed")

        wait_until(ended, "the page shows the end", limit=900)
        return seen

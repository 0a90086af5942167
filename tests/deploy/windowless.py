"""A browser without a window: cookies, redirects, and the forms of the console and of the issuer."""

import http.client
import re
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

REDIRECTS_AT_MOST = 20


@dataclass
class Page:
    url: str
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def location(self):
        """Where it sends to, whole."""
        location = self.headers["location"]
        return urljoin(self.url, location) if location else None

    def forms(self):
        """Each form with its address and the fields that are filled in already."""
        reader = _Forms()
        reader.feed(self.text)
        return [(urljoin(self.url, action), fields) for action, fields in reader.forms]

    def form(self, ending):
        """The form whose address ends so, with its fields; without one the page is shown."""
        found = [form for form in self.forms() if urlsplit(form[0]).path.endswith(ending)]
        assert found, f"{self.status}: no form {ending} at {self.url}:\n{self.words()}"
        return found[0]

    def words(self):
        """What a person reads."""
        text = re.sub(r"<(script|style|svg|head)\b.*?</\1>", " ", self.text, flags=re.S)
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", text))).strip()


class _Forms(HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms = []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form":
            self.forms.append((given.get("action") or "", {}))
        elif tag == "input" and self.forms and given.get("type") == "hidden":
            self.forms[-1][1][given["name"]] = given.get("value") or ""


class Browser:
    def __init__(self, agent="a browser without a window"):
        self.agent = agent
        # By host, path and name. The marks that keep a cookie from others are the browser's business, not this one's.
        self.cookies = {}

    def ask(self, url, fields=None):
        """One request: a POST where there are fields."""
        parts = urlsplit(url)
        # Every host here is this machine, whatever the resolver knows of .localhost.
        assert parts.hostname == "127.0.0.1" or parts.hostname.endswith("localhost"), url
        headers = {"Host": parts.netloc, "User-Agent": self.agent, "Cookie": self._cookies(parts)}
        body = None
        if fields is not None:
            body = urlencode(fields)
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"{parts.scheme}://{parts.netloc}"}
        connection = http.client.HTTPConnection("127.0.0.1", parts.port or 80, timeout=60)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("GET" if fields is None else "POST", target, body, headers)
        response = connection.getresponse()
        page = Page(url, response.status, response.headers, response.read().decode(errors="replace"))
        for line in response.headers.get_all("set-cookie") or []:
            self._keep(parts, line)
        return page

    def _cookies(self, parts):
        sent = [f"{name}={value}" for (host, path, name), value in self.cookies.items() if host == parts.hostname and parts.path.startswith(path)]
        return "; ".join(sent)

    def _keep(self, parts, line):
        pair, *attributes = line.split(";")
        name, value = pair.strip().split("=", 1)
        given = dict(attribute.strip().lower().partition("=")[::2] for attribute in attributes)
        at = (parts.hostname, next((a.strip()[5:] for a in attributes if a.strip().lower().startswith("path=")), "/"), name)
        self.cookies.pop(at, None)
        if value and given.get("max-age") != "0":
            self.cookies[at] = value

    def go(self, url, fields=None):
        """As `ask`, and on to wherever it leads."""
        page = self.ask(url, fields)
        for _ in range(REDIRECTS_AT_MOST):
            if not page.location:
                return page
            page = self.ask(page.location)
        raise AssertionError(f"no end of redirects: {page.url}")

    def past_the_issuer(self, page, person):
        """Signs in as this person wherever the issuer asks for it, until the console shows a page."""
        for _ in range(REDIRECTS_AT_MOST):
            prompts = [(address, fields) for address, fields in page.forms() if "prompt" in fields]
            if not prompts:
                return page
            [(address, fields)] = prompts
            page = self.go(address, fields | {"login": person, "password": "anything"})
        raise AssertionError(f"no end of questions: {page.url}")

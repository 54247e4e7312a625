#!/usr/bin/env python3
"""Holds the sandbox against the official Python client, PyPI `tallyfy`, unmodified.

Usage: client.py URL ORG TOKEN

Expects a new sandbox at URL: sandbox --groups 250 --users 120 --org ORG --token TOKEN

The client has the calls for groups, users, guests and organizations, and takes a base URL. It has no `GET /me` (it reads
`/organizations/ORG/me`), and it reads errors in the older form only, so the sandbox runs without --modern-errors.
"""

import sys

from tallyfy import TallyfyError, TallyfySDK


def refused(status, call, *arguments, **named):
    """The body of the response, which must have this status."""
    try:
        call(*arguments, **named)
    except TallyfyError as error:
        assert error.status_code == status, (error.status_code, str(error))
        assert not error.side_effect_possible
        return error.response_data
    raise AssertionError(f"{status} was expected")


def read(client, org):
    """Lists and single reads."""
    groups = client.groups
    everything = groups.get_groups(org)
    names = [group.name for group in everything]
    assert names == [f"Existing group {number:04}" for number in range(1, 251)], names
    second = groups.get_groups(org, page=2)
    assert [group.id for group in second] == [group.id for group in everything[100:200]]
    found = groups.get_groups(org, q="group 012")
    assert [group.name for group in found] == [f"Existing group {number:04}" for number in range(120, 130)]
    assert groups.get_groups(org, q="no such group") == []
    assert groups.get_group(org, found[0].id) == found[0]

    users = client.users
    page = users.get_organization_users(org)
    assert (len(page.data), page.count, page.meta.total_pages) == (100, 120, 2)
    assert len(users.get_organization_users(org, page=2).data) == 20
    first = page.data[0]
    assert (first.id, first.email, first.username, first.status) == (1001, "user1001@members.example", "user1001", "active")
    assert users.get_user(org, 1002) == page.data[1]
    assert users.get_current_user_info(org) == first

    organization = client.organizations.get_organization(org)
    assert (organization.id, organization.users_count) == (org, 120)
    mine = client.organizations.get_current_user_organizations()
    assert [one.id for one in mine.data] == [org] and mine.count == 1


def write(client, org):
    """The life of one group and its guest."""
    groups, guest = client.groups, "client.liaison@partner.com"
    made = groups.create_group(org, "Onboarding", description="New clients", members=[1001, 1005], guests=[guest])
    assert (made.name, made.description, made.members, made.guests) == ("Onboarding", "New clients", [1001, 1005], [guest])
    assert made.id and made.created_at and made.updated_at and made.deleted_at is None
    assert groups.get_group(org, made.id) == made

    changed = groups.update_group(org, made.id, name="Onboarding 2", members=[1002])
    assert (changed.name, changed.description, changed.members) == ("Onboarding 2", "New clients", [1002])
    assert changed.guests == [guest] and changed.id == made.id
    plain = groups.create_group(org, "Plain")
    assert groups.update_group(org, plain.id, guests=["second@partner.com"]).guests == ["second@partner.com"]

    known = client.users.get_organization_guests(org)
    assert [one.email for one in known.data] == [guest, "second@partner.com"] and known.count == 2
    one = client.users.get_guest(org, guest)
    assert one.email == guest and one.details.disabled_at is None

    for group in (made, plain):
        assert groups.delete_group(org, group.id) is True
        refused(404, groups.get_group, org, group.id)
    assert client.users.get_guest(org, guest).email == guest, "guests stay"


def fail(client, url, org):
    """Errors, each with its status and body."""
    groups = client.groups
    assert refused(401, TallyfySDK("wrong", base_url=url).groups.get_groups, org)["message"] == "Unauthenticated."
    assert refused(404, groups.get_groups, "other")["message"] == "Resource not found"
    refused(404, groups.get_group, org, "0" * 32)
    refused(404, groups.delete_group, org, "0" * 32)
    refused(404, client.users.get_user, org, 999)
    refused(404, client.users.get_guest, org, "nobody@partner.com")
    for arguments, field in [
        ({"name": "New", "members": [1001, 999]}, "members.1"),
        ({"name": "New", "guests": ["user1001@members.example"]}, "guests.0"),
        ({"name": "existing GROUP 0001"}, "name"),
        ({"name": "x" * 201}, "name"),
    ]:
        body = refused(422, groups.create_group, org, **arguments)
        assert list(body["errors"]) == [field], body
    first, second = groups.get_groups(org, q="group 000")[:2]
    body = refused(422, groups.update_group, org, first.id, name=second.name)
    assert body["errors"] == {"name": ["The name has already been taken."]}, body
    assert list(refused(422, groups.update_group, org, first.id, description="")["errors"]) == ["description"]


def main(url, org, token):
    with TallyfySDK(token, base_url=url) as client:
        read(client, org)
        write(client, org)
        fail(client, url, org)
        assert len(client.groups.get_groups(org)) == 250
    with TallyfySDK(token, base_url=f"{url}/api") as client:
        assert client.users.get_current_user_info(org).id == 1001, "a base URL may have a path"


main(*sys.argv[1:])

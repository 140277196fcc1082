"""The only user of the stand-in, and its only entity."""

ENTITY = "tester"
TEAM = {"id": ENTITY, "name": ENTITY, "organization": {"coreWeaveOrganizationId": None}}
USER = {
    "id": ENTITY,
    "name": ENTITY,
    "username": ENTITY,
    "entity": ENTITY,
    "flags": {},
    "teams": {"edges": [{"node": TEAM}]},
    "apiKeys": {"edges": []},
}

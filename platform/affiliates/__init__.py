"""Affiliates: programmes, links and clicks, attribution, and the commission a sale owes."""

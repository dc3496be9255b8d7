"""/api/models/{model_id}/card"""

from django.http import HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.http import conditional_page
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from registry.cards import as_html, card
from registry.rest.views.resources import KNOWN, MODEL_ID, ModelView

TYPES = {"md": "text/markdown", "html": "text/html"}
FORMAT = OpenApiParameter("format", str, enum=list(TYPES), description="The form of the card, instead of `Accept`.")


@extend_schema(tags=["models"], parameters=[MODEL_ID, FORMAT, KNOWN])
@method_decorator(conditional_page, "dispatch")  # an ETag of the page, which shows more than the model
class CardView(ModelView):
    @extend_schema(
        summary="Read a model's card",
        description="Description, versions, metrics and signature on one page: as Markdown, or with "
        "`Accept: text/html` as HTML in which nothing can run.",
        responses={**{(200, type_): OpenApiTypes.STR for type_ in TYPES.values()}, 304: None},
    )
    def retrieve(self, request: Request, **_path: str) -> HttpResponse:
        form = self._format(request)
        model = self.find()
        text = card(self.principal, model)
        if form == "html":
            headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "Vary": "Accept"}
            return HttpResponse(as_html(text, model.name), content_type="text/html; charset=utf-8", headers=headers)
        return HttpResponse(text, content_type="text/markdown; charset=utf-8", headers={"Vary": "Accept"})

    @staticmethod
    def _format(request: Request) -> str:
        unknown = set(request.query_params) - {"format"}
        if unknown:
            raise ValidationError({name: ["Not a parameter here. There is `format`."] for name in unknown})
        requested = request.query_params.get("format")
        if requested is None:
            preferred = request.get_preferred_type(list(TYPES.values()))
            return "html" if preferred == "text/html" else "md"
        if requested not in TYPES:
            raise ValidationError({"format": [f"One of {', '.join(TYPES)}."]})
        return requested
